//! [`Point`]: a parameter vector with the arithmetic argmin asks for.

use argmin_math::{
    ArgminAdd, ArgminDot, ArgminL1Norm, ArgminL2Norm, ArgminMinMax, ArgminMul, ArgminSignum, ArgminSub, ArgminZeroLike,
};

/// Parameters of q as argmin sees them.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Point(pub Vec<f64>);

impl Point {
    fn map(&self, f: impl Fn(f64) -> f64) -> Point {
        Point(self.0.iter().map(|x| f(*x)).collect())
    }

    fn zip(&self, other: &Point, f: impl Fn(f64, f64) -> f64) -> Point {
        Point(self.0.iter().zip(&other.0).map(|(a, b)| f(*a, *b)).collect())
    }
}

impl ArgminAdd<Point, Point> for Point {
    fn add(&self, other: &Point) -> Point {
        self.zip(other, |a, b| a + b)
    }
}

impl ArgminAdd<f64, Point> for Point {
    fn add(&self, other: &f64) -> Point {
        self.map(|x| x + other)
    }
}

impl ArgminSub<Point, Point> for Point {
    fn sub(&self, other: &Point) -> Point {
        self.zip(other, |a, b| a - b)
    }
}

impl ArgminSub<f64, Point> for Point {
    fn sub(&self, other: &f64) -> Point {
        self.map(|x| x - other)
    }
}

impl ArgminMul<f64, Point> for Point {
    fn mul(&self, other: &f64) -> Point {
        self.map(|x| x * other)
    }
}

impl ArgminMul<Point, Point> for Point {
    fn mul(&self, other: &Point) -> Point {
        self.zip(other, |a, b| a * b)
    }
}

impl ArgminMul<Point, Point> for f64 {
    fn mul(&self, other: &Point) -> Point {
        other.map(|x| x * self)
    }
}

impl ArgminDot<Point, f64> for Point {
    fn dot(&self, other: &Point) -> f64 {
        self.0.iter().zip(&other.0).map(|(a, b)| a * b).sum()
    }
}

impl ArgminL1Norm<f64> for Point {
    fn l1_norm(&self) -> f64 {
        self.0.iter().map(|x| x.abs()).sum()
    }
}

impl ArgminL2Norm<f64> for Point {
    fn l2_norm(&self) -> f64 {
        self.0.iter().map(|x| x * x).sum::<f64>().sqrt()
    }
}

impl ArgminSignum for Point {
    fn signum(self) -> Point {
        self.map(f64::signum)
    }
}

impl ArgminZeroLike for Point {
    fn zero_like(&self) -> Point {
        Point(vec![0.0; self.0.len()])
    }
}

impl ArgminMinMax for Point {
    fn min(x: &Point, y: &Point) -> Point {
        x.zip(y, f64::min)
    }

    fn max(x: &Point, y: &Point) -> Point {
        x.zip(y, f64::max)
    }
}
